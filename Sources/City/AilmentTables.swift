extension Ailments {
    /// code|name|specialty|sex|from age|to age|weight|winter percent|drugs|services
    static let outpatientTable = """
        J06.900|急性上呼吸道感染|general||14|99|150|180|ganmao+lianhua+paracetamol+loratadine|bloodcount+crp
        J00.x00|急性鼻咽炎[感冒]|general||14|99|90|170|banlangen+ganmao+paracetamol|bloodcount
        J20.900|急性支气管炎|respiratory||14|99|60|190|ambroxol+azithromycin+amoxicillin|bloodcount+digitalxray
        J02.900|急性咽炎|general||14|99|50|140|amoxicillin+banlangen|bloodcount
        J06.900|急性上呼吸道感染|paediatrics||0|13|190|180|chichiao+childcold+childfever|bloodcount+crp
        J20.900|急性支气管炎|paediatrics||1|13|90|190|childcough+ambroxol|bloodcount
        A09.900x003|急性肠炎|digestive||14|99|40|70|smectite+huoxiang|bloodcount+stool
        K29.500|慢性胃炎|digestive||18|99|70|100|omeprazole+hydrotalcite+domperidone|gastroscopy
        K21.901|食管反流|digestive||18|99|20|100|omeprazole+domperidone|
        L30.900|皮炎|dermatology||1|99|35|80|desonide+loratadine|
        B35.300|脚癣|dermatology||10|99|20|60|terbinafine|
        H10.900|结膜炎|ophthalmology||5|99|20|90|eyelevo|
        H04.103|干眼综合征|ophthalmology||25|99|20|110|eyehya|
        M54.500|下背痛|orthopaedics||20|99|60|100|ibuprofen+diclofenac|digitalxray
        M17.900|膝关节病|orthopaedics||45|99|50|120|diclofenac+ibuprofen|digitalxray
        M47.802|混合型颈椎病|tcm||30|99|40|100|xuefu|acupuncture
        S93.400|踝扭伤和劳损|emergency||10|70|25|90|baiyao+ibuprofen|digitalxray
        N76.000|急性阴道炎|gynaecology|F|18|60|40|100|qianjin|vaginaltest
        N92.600|月经不规则|gynaecology|F|16|50|30|100|yimucao+dydrogesterone|transvaginal
        N39.000|泌尿道感染|urology||18|99|25|90|levofloxacin|urinalysis
        N40.x00|前列腺增生|urology|M|50|99|25|100|finasteride|urinalysis+prostatefluid
        G47.000x001|失眠|neurology||25|99|25|100|zolpidem|
        R42.x00|头晕和眩晕|neurology||30|99|25|110||bloodcount+ecg+glucose
        R07.400|胸痛|cardiology||30|99|20|110||ecg+bloodcount
        E04.101|甲状腺结节|endocrine||25|80|15|100||doppler
        Z00.001|健康查体|general||40|80|15|100||bloodcount+alt+creatinine+glucose
        R53.x00|疲劳|tcm||25|99|40|100|liuwei|
        """

    /// key|code|name|specialty|sex|from age|to age|weight|shortest|longest|level|drugs|services|operation|oxygen hours;
    /// an operation is code;name;item;consumable;anaesthesia;minutes. A weight of 0: planned, never at random.
    static let inpatientTable = """
        pneumonia|J18.900|肺炎|respiratory||14|99|90|6|12|1|ceftriaxone+ambroxolinj+saline100|nebulise||8
        childpneumonia|J18.000|支气管肺炎|paediatrics||1|13|60|5|9|2|ceftriaxone+saline100|nebulise||4
        copd|J44.100|慢性阻塞性肺病伴有急性加重|respiratory||50|99|70|8|14|2|piperacillin+ambroxolinj+saline100|nebulise||14
        infarct|I63.900|脑梗死|neurology||45|99|95|9|16|2|xueshuantong+shuxuening+saline250|||4
        angina|I20.000|不稳定型心绞痛|cardiology||45|99|55|6|11|2|danshen+glucose250|||6
        stenting|I25.102|冠状动脉粥样硬化|cardiology||45|85|30|6|9|3|heparin+saline250||36.0700;药物洗脱冠状动脉支架置入;stenting;stent;localanaesthesia;70|6
        failure|I50.900|心力衰竭|cardiology||55|99|40|8|13|2|glucose250|||16
        diabetes|E11.900|2 型糖尿病|endocrine||35|99|50|7|11|2|saline250|||0
        appendicitis|K35.800x001|急性阑尾炎|surgery||8|80|30|5|8|2|ceftriaxone+saline100||47.0901;阑尾切除术;appendectomy;suture;spinalanaesthesia;60|0
        gallstone|K80.101|胆囊结石伴慢性胆囊炎|surgery||25|85|35|6|9|2|ceftriaxone+saline250+pantoprazole||51.2200;胆囊切除术;cholecystectomy;suture;generalanaesthesia;90|4
        hernia|K40.900x002|单侧腹股沟疝|surgery|M|20|85|20|4|7|2|saline250||53.0001;单侧腹股沟疝修补术;hernia;suture;spinalanaesthesia;70|0
        stomachcancer|C16.900|胃恶性肿瘤|surgery||45|80|8|12|18|3|ceftriaxone+saline250+pantoprazole+aminoacid+fatemulsion||43.7x01;胃大部切除伴胃空肠吻合术;gastrectomyextended;suture;generalanaesthesia;240|10
        spine|M48.005|腰椎椎管狭窄|orthopaedics||45|80|10|9|14|3|ceftriaxone+saline250||81.0801;后入路腰椎椎体间融合术;fusion;cage;generalanaesthesia;200|6
        disc|M51.200x004|腰骶椎间盘脱出|orthopaedics||25|80|40|7|12|1|saline250|acupuncture||0
        wrist|S52.500x001|桡骨远端骨折|orthopaedics||10|85|20|3|6|2|saline100||79.0201;桡骨骨折闭合性复位术;splint;-;localanaesthesia;40|0
        delivery|O80.900|单胎顺产|gynaecology|F|20|42|0|3|4|2|oxytocin+saline250||73.5900x002;头位阴道助产;vaginaldelivery;-;localanaesthesia;60|0
        caesarean|O82.900|经剖宫产术分娩|gynaecology|F|20|42|0|5|7|2|oxytocin+saline250+ceftriaxone||74.1x00;子宫下段剖宫产;caesarean;suture;spinalanaesthesia;60|2
        myoma|D25.900|子宫平滑肌瘤|gynaecology|F|30|55|15|5|8|2|saline250|doppler||0
        cataract|H26.900|白内障|ophthalmology||55|95|30|2|3|3|||13.4100x001;白内障超声乳化抽吸术;phaco;lens;localanaesthesia;40|0
        jaundice|P59.901|新生儿高胆红素血症|paediatrics||0|0|40|4|6|2|glucose250|phototherapy+nursenew||0
        rehabilitation|I69.300|脑梗死后遗症|rehabilitation||45|95|25|20|45|2|saline250|exercise+balance+acupuncture||0
        schizophrenia|F20.900|精神分裂症|psychiatry||18|75|8|45|110|2||psychmonitor+recreation||0
        chemotherapy|Z51.100|为肿瘤化学治疗疗程|oncology||35|85|0|3|4|2|oxaliplatin+ondansetron+saline250|||0
        kidney|N18.900|慢性肾脏病，未特指|nephrology||30|90|20|7|12|2|saline100|||0
        gastritis|K29.500|慢性胃炎|digestive||25|90|35|5|8|1|pantoprazole+saline250|||0
        vertigo|H81.100|良性阵发性眩晕|neurology||35|90|30|5|8|1|saline250|||0
        """

    /// code|name|per 10,000 at 40|per 10,000 at 70|sex|drugs of which one or more are taken
    static let conditionTable = """
        I10.x00x002|高血压病|900|5200||amlodipine+nifedipine+valsartan+metoprolol
        E11.900|2 型糖尿病|300|1900||metformin+glimepiride+acarbose+dapagliflozin
        E78.500|高脂血症|400|1500||atorvastatin+rosuvastatin
        I25.102|冠状动脉粥样硬化|40|1300||aspirin+clopidogrel+isosorbide+dripping
        J44.900|慢性阻塞性肺病|15|500||tiotropium+budesonide
        E03.900|甲状腺功能减退症|60|150||levothyroxine
        F20.900|精神分裂症|40|40||olanzapine+risperidone
        C61.x00|前列腺恶性肿瘤|0|60|M|bicalutamide
        """
}
